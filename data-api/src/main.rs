//! The server side of the MongoDB Data API contract: ten POST actions with EJSON bodies, on the official driver.
//!
//! `data-api serve` answers requests; `data-api indexes` creates the indexes that the Worker relies on. See
//! `docs/data-api.md` for the contract and what this service adds to it.

mod actions;
mod auth;
mod config;
mod ejson;
mod error;
mod http;
mod indexes;
mod metrics;
mod transaction;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::config::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::try_from_env("DATA_API_LOG").unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .init();
    let done = match cli.command {
        Command::Serve(config) => http::serve(config).await,
        Command::Indexes(config) => indexes::create(config).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("data-api: {message}");
            ExitCode::FAILURE
        }
    }
}
