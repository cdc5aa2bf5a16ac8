//! The settings as command-line flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::registry::SETTINGS;
use super::resolve::{ConfigError, Resolved, resolve};

/// What the command line says of the settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingArgs {
    file: Option<PathBuf>,
    given: BTreeMap<&'static str, String>,
}

impl SettingArgs {
    /// The settings in force.
    pub(crate) fn resolve(&self) -> Result<Resolved, ConfigError> {
        let named = || std::env::var_os("IMPRINT_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let file = self.file.clone().or_else(named);
        resolve(|setting| self.given.get(setting.key).cloned(), |name| std::env::var(name).ok(), file.as_deref())
    }
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("TOML file with settings [env: IMPRINT_CONFIG]");
        let settings = SETTINGS.iter().map(|setting| {
            let default =
                if setting.default.is_empty() { String::new() } else { format!("; default {}", setting.default) };
            Arg::new(setting.key).long(setting.flag()).value_name("VALUE").allow_hyphen_values(true).help(format!(
                "{} [{}{default}]",
                setting.help,
                setting.env()
            ))
        });
        command.arg(config).args(settings)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.file = matches.get_one::<PathBuf>("config").cloned();
        for setting in SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.key) {
                self.given.insert(setting.key, value.clone());
            }
        }
        Ok(())
    }
}
