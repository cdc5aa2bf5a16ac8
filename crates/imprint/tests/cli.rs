//! The command line end to end: the built program serves on a free port, and the built program speaks to it.

#[path = "cli/administration.rs"]
mod administration;
#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/elsewhere.rs"]
mod elsewhere;
#[path = "cli/first_account.rs"]
mod first_account;
#[path = "cli/interrupted.rs"]
mod interrupted;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/transfers.rs"]
mod transfers;
