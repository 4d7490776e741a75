//! The real network, clock, randomness and environment.
