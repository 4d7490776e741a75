//! The sandbox's front: its own requests, and those that are for a cloud.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::control;
use super::world::{Delivery, Reply, SLOW, Sandbox, marked};
use crate::wire::{HttpError, HttpSend};

impl Sandbox {
    /// Answers a request. Blocks while a real server is asked.
    pub fn answer(&self, request: &Request<Bytes>) -> Reply {
        match control::answer(self, request) {
            Some(response) => Reply { response: marked(response), delivery: Delivery::Whole },
            None => self.serve(request),
        }
    }
}

#[async_trait]
impl HttpSend for Sandbox {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let reply = self.answer(&request);
        let lost = |reason: &str| HttpError::Lost {
            host: request.uri().host().unwrap_or("sandbox").to_owned(),
            reason: reason.to_owned(),
        };
        match reply.delivery {
            Delivery::Whole => Ok(reply.response),
            Delivery::Slow => {
                tokio::time::sleep(SLOW).await;
                Ok(reply.response)
            }
            Delivery::Cut => Err(lost("the connection closed in the middle of the answer")),
            Delivery::Dropped => Err(lost("the connection closed before the answer")),
            Delivery::Never => std::future::pending().await,
        }
    }
}
