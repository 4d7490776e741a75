//! The main job on one command.
