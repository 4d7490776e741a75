//! The go-plugin transport: a process that speaks gRPC.
