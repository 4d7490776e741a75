//! The services that a go-plugin host finds in every plugin.
//!
//! The controller ends the process. Output and broker streams are held open and stay silent: the
//! host opens both when it connects, and logs a warning if it cannot. See `grpc_controller.go`,
//! `grpc_stdio.go` and `grpc_broker.go` of go-plugin.

use std::future::ready;
use std::sync::Arc;

use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::farewell::Farewell;
use super::generated::health::health_check_response::ServingStatus;
use super::generated::health::health_server::{Health, HealthServer};
use super::generated::health::{HealthCheckRequest, HealthCheckResponse};
use super::generated::plugin::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use super::generated::plugin::grpc_controller_server::{GrpcController, GrpcControllerServer};
use super::generated::plugin::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use super::generated::plugin::{ConnInfo, Empty, StdioData};

/// The name under which go-plugin's client asks for health (`GRPCServiceName`).
const HEALTH_NAME: &str = "plugin";

/// Adds the services to those of the plugin itself.
pub(super) fn add_to(routes: Routes, farewell: &Arc<Farewell>) -> Routes {
    let until = farewell.said();
    routes
        .add_service(GrpcControllerServer::new(Controller(farewell.clone())))
        .add_service(GrpcStdioServer::new(Stdio(until.clone())))
        .add_service(GrpcBrokerServer::new(Broker(until)))
        .add_service(HealthServer::new(Alive))
}

struct Controller(Arc<Farewell>);

#[async_trait]
impl GrpcController for Controller {
    /// Answers when all is cleaned up. The host sets no deadline for that, but kills the process
    /// two seconds after the answer.
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("the host asks for the end");
        self.0.say().await;
        Ok(Response::new(Empty {}))
    }
}

struct Stdio(CancellationToken);

#[async_trait]
impl GrpcStdio for Stdio {
    async fn stream_stdio(
        &self,
        _request: Request<()>,
    ) -> Result<Response<BoxStream<StdioData>>, Status> {
        let end = self.0.clone().cancelled_owned();
        Ok(Response::new(Box::pin(end.into_stream().filter_map(|()| ready(None)))))
    }
}

struct Broker(CancellationToken);

#[async_trait]
impl GrpcBroker for Broker {
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        let end = self.0.clone().cancelled_owned();
        let ignored = request.into_inner().take_until(end).filter_map(|_| ready(None));
        Ok(Response::new(Box::pin(ignored)))
    }
}

struct Alive;

#[async_trait]
impl Health for Alive {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.get_ref().service.as_str() {
            "" | HEALTH_NAME => {
                Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
            }
            _ => Err(Status::not_found("unknown service")),
        }
    }
}
