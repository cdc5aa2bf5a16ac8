//! Verbs: every rule that holds for an image whatever dialect asked.
