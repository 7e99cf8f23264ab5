//! Declares operations once, for the router and for the API description.
//!
//! The description is made natively (`scripts/openapi`), checked by a test, and served as text: it would take a third of
//! the Worker's code otherwise.

use axum::routing::MethodFilter;
use utoipa::openapi::HttpMethod;

/// `operations!(module::handler, …)` makes `router()` and, outside the Worker, `describe()`.
macro_rules! operations {
    ($($module:ident :: $handler:ident),+ $(,)?) => {
        /// The router of these operations.
        pub fn router() -> axum::Router<$crate::state::Shared> {
            pastey::paste! {
                axum::Router::new()$(.route(
                    &<$module::[<__path_ $handler>] as utoipa::Path>::path(),
                    axum::routing::on(
                        $crate::http::routes::filter(&<$module::[<__path_ $handler>] as utoipa::Path>::methods()),
                        $module::$handler,
                    ),
                ))+
            }
        }

        /// The description of these operations.
        #[cfg(not(target_arch = "wasm32"))]
        pub fn describe() -> utoipa::openapi::OpenApi {
            #[derive(utoipa::OpenApi)]
            #[openapi(paths($($module::$handler),+))]
            struct Description;
            <Description as utoipa::OpenApi>::openapi()
        }
    };
}
pub(crate) use operations;

/// The method of an operation, as the router has it.
pub fn filter(methods: &[HttpMethod]) -> MethodFilter {
    match methods.first() {
        Some(HttpMethod::Post) => MethodFilter::POST,
        Some(HttpMethod::Put) => MethodFilter::PUT,
        Some(HttpMethod::Patch) => MethodFilter::PATCH,
        Some(HttpMethod::Delete) => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    }
}
