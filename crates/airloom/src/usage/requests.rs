use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use airloom_billing::{Counter, Dimensions, Error};

use super::Usage;

impl Usage {
    /// `router`, each request to which counts (`api_requests`) once it is answered with success, or
    /// leads elsewhere: what is refused, not found or failed costs nothing.
    ///
    /// # Errors
    ///
    /// As [`counter`](Self::counter).
    pub fn requests<S: Clone + Send + Sync + 'static>(
        &self,
        router: Router<S>,
    ) -> Result<Router<S>, Error> {
        let counter = self.counter("api_requests", Dimensions::default())?;
        Ok(router.layer(from_fn_with_state(counter, count)))
    }
}

async fn count(State(counter): State<Counter>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if status.is_success() || status.is_redirection() {
        counter.add(1);
    }
    response
}
