//! The go-plugin transport: a process that speaks gRPC with the one that started it.
//!
//! The only room that sees go-plugin's own types. It knows nothing of Terraform but the words of
//! the handshake: whoever starts it hands in ready [`Routes`] and what to clean up at the end.
//!
//! [`serve`] answers the handshake (`handshake`), listens (`listen`), lets only the host in
//! (`tls`, `connection`) and serves until the host asks for the end (`stdio`) or is gone
//! (`ending`). [`serve_debug`] does the same for a host that was not the one to start it.

mod connection;
mod ending;
mod farewell;
mod handshake;
mod listen;
mod log;
mod redact;
mod stdio;
mod tls;

#[allow(
    clippy::allow_attributes_without_reason,
    dead_code,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    reason = "written by tonic; the clients in it are for tests"
)]
mod generated {
    pub mod plugin {
        tonic::include_proto!("plugin");
    }
    pub mod health {
        tonic::include_proto!("grpc.health.v1");
    }
}

use std::fmt;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;

use connection::Presence;
use ending::{Parent, Signals};
pub use farewell::Cleanup;
use farewell::Farewell;
pub use handshake::Variables;
use handshake::{APP_VERSION, Invitation, Place};
use listen::Listener;
pub use log::{Level, panics_to_stderr, start as start_log};
pub use redact::redacted;

/// Why nothing was served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Whoever started this process is not a host of plugins, most likely a person.
    #[error("not started by Terraform or OpenTofu")]
    NoHost,
    /// The host speaks other versions of the protocol only.
    #[error(
        "the host offers plugin protocol versions `{offered}` and this plugin speaks version \
         {APP_VERSION}: it needs Terraform 1.0 or OpenTofu 1.6, or newer"
    )]
    Version {
        /// Its list.
        offered: String,
    },
    /// The host asked for TLS with a certificate that is none.
    #[error("`PLUGIN_CLIENT_CERT` is not a certificate in PEM: {reason}")]
    HostCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The process's own certificate could not be made.
    #[error("could not make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("could not set up TLS")]
    Tls(#[from] rustls::Error),
    /// No socket could be listened at.
    #[error("could not listen at `{address}`")]
    Listen {
        /// A path, a port range, or what else was tried.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused something that every process needs.
    #[error("could not talk to the system")]
    System(#[from] io::Error),
}

/// What a plugin does.
pub struct Service {
    /// Its gRPC services.
    pub routes: Routes,
    /// Run once before the process ends, for whatever reason; the host waits for it.
    pub cleanup: Cleanup,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// Serves the host that started this process, until it asks for the end or is gone.
///
/// `variables` is the environment, `now` the time that the certificate is made for, and `stdout`
/// takes the handshake line and nothing else. Must run in a tokio runtime with IO and time. After
/// it returns the process shall end at once: the host kills it two seconds after it was told that
/// all is cleaned up, and up to one of them ([`End::patience`]) is gone by then.
///
/// # Errors
///
/// Nothing was written or served if there is one.
pub async fn serve(
    service: Service,
    variables: Variables<'_>,
    now: SystemTime,
    stdout: &mut (dyn Write + Send),
) -> Result<(), Error> {
    let invitation = Invitation::read(variables)?;
    let parent = Parent::now();
    let mut signals = Signals::catch()?;
    let (tls, certificate) = match &invitation.certificate {
        Some(pem) => {
            let (config, own) = tls::server(tls::host_certificate(pem)?, now)?;
            (Some(TlsAcceptor::from(Arc::new(config))), Some(own))
        }
        None => (None, None),
    };
    let listener = Listener::bind(&invitation.place)?;
    let line = invitation.answer(&listener.address()?, certificate.as_deref());
    stdout.write_all(line.as_bytes())?;
    stdout.flush()?;

    let presence = Presence::new();
    let connections = presence.watch();
    let insisting = signals.clone();
    let end = async move {
        tokio::select! {
            () = signals.terminated() => End::Terminated,
            () = ending::abandoned(connections) => End::HostGone,
            () = parent.gone() => End::HostGone,
        }
    };
    run(service, listener, tls, presence, insisting, end).await;
    Ok(())
}

/// Serves any host that is told where, until Ctrl-C.
///
/// Writes a sentence with `TF_REATTACH_PROVIDERS` to `stdout`, for the provider at `address`
/// (`registry.terraform.io/namespace/type`). Such hosts use no TLS, serve several configurations
/// in one process and do not end it, see
/// <https://developer.hashicorp.com/terraform/plugin/debugging>. The socket is its owner's alone.
///
/// # Errors
///
/// Nothing was written or served if there is one.
pub async fn serve_debug(
    service: Service,
    address: &str,
    variables: Variables<'_>,
    stdout: &mut (dyn Write + Send),
) -> Result<(), Error> {
    let mut signals = Signals::catch()?;
    let listener = Listener::bind(&Place::read(variables))?;
    let (network, location) = listener.address()?.fields();
    let reattach = serde_json::json!({ address: {
        "Protocol": "grpc",
        "ProtocolVersion": APP_VERSION,
        "Pid": std::process::id(),
        "Test": true,
        "Addr": { "Network": network, "String": location },
    }});
    writeln!(
        stdout,
        "The provider is running. To use it, set this in the environment of Terraform or \
         OpenTofu; Ctrl-C ends it.\n\n\tTF_REATTACH_PROVIDERS='{reattach}'\n\n\
         It serves all provider blocks of a configuration with the settings of the one that came \
         last, its account, `dry_run` and all: use it with one block only, without `alias`.\n"
    )?;
    stdout.flush()?;

    let insisting = signals.clone();
    let end = async move {
        signals.interrupted().await;
        End::Terminated
    };
    run(service, listener, None, Presence::new(), insisting, end).await;
    Ok(())
}

/// Why the serving ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The host asked for it, over gRPC.
    Asked,
    /// Somebody sent a signal.
    Terminated,
    /// Nobody is there any more.
    HostGone,
}

impl End {
    /// How long calls that are under way may still take, after everything was cleaned up.
    fn patience(self) -> Duration {
        match self {
            // The host kills the process two seconds after the answer.
            End::Asked => Duration::from_secs(1),
            // What they did shall become known; service managers kill after ten seconds or more.
            End::Terminated => Duration::from_secs(5),
            End::HostGone => Duration::ZERO,
        }
    }
}

/// Serves until the host asks for the end, or `end` comes; then cleans up, with haste if somebody
/// insists.
async fn run(
    service: Service,
    listener: Listener,
    tls: Option<TlsAcceptor>,
    presence: Presence,
    mut signals: Signals,
    end: impl Future<Output = End>,
) {
    let farewell = Arc::new(Farewell::new(service.cleanup));
    let (sender, receiver) = mpsc::channel(1);
    let accepting = tokio::spawn(connection::accept(listener, tls, presence, sender));
    let server = Server::builder()
        // A schema or a large state goes through in a few round trips.
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        // More than any `-parallelism` that a machine bears.
        .max_concurrent_streams(1024)
        .add_routes(stdio::add_to(service.routes, &farewell))
        .serve_with_incoming_shutdown(
            ReceiverStream::new(receiver),
            farewell.said().cancelled_owned(),
        );
    let mut server = tokio::spawn(server);
    let hurried = Arc::clone(&farewell);
    let hurrying = tokio::spawn(async move {
        hurried.begun().await;
        signals.insisted().await;
        hurried.hurry();
        tracing::debug!("somebody insists on the end");
    });

    let said = farewell.said();
    let end = tokio::select! {
        end = end => end,
        () = said.cancelled() => End::Asked,
    };
    tracing::debug!(?end, "ending");
    farewell.say().await;
    hurrying.abort();
    // Waits until the listener, and with it the socket's file, is gone.
    accepting.abort();
    let _ = accepting.await;
    if tokio::time::timeout(end.patience(), &mut server).await.is_err() {
        server.abort();
    }
}
