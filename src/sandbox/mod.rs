//! A small cloud on this machine.
