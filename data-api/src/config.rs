//! Command line and environment.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand};
use mongodb::{Client, options::ClientOptions};

/// The MongoDB Data API as a small service next to the database.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Answer requests until SIGTERM or Ctrl-C.
    Serve(ServeConfig),
    /// Create the indexes that the Worker relies on; safe to repeat.
    Indexes(IndexesConfig),
}

/// How to reach the database.
#[derive(Args, Clone)]
pub struct DatabaseConfig {
    /// Connection string, for example mongodb://127.0.0.1:27017.
    #[arg(long, env = "MONGODB_URI", value_name = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: String,
    /// Largest number of connections in the pool.
    #[arg(long, env = "DATA_API_POOL", value_name = "DATA_API_POOL", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pool: u32,
}

/// Settings of `serve`.
#[derive(Args, Clone)]
pub struct ServeConfig {
    /// How to reach the database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Address to listen on. Listen on a public address only behind TLS.
    #[arg(long, env = "DATA_API_LISTEN", value_name = "DATA_API_LISTEN", default_value = "127.0.0.1:3030")]
    pub listen: SocketAddr,
    /// One or two API keys, separated by a comma (two while one is being replaced); at least 16 characters each.
    #[arg(long, env = "DATA_API_KEYS", value_name = "DATA_API_KEYS", hide_env_values = true, value_delimiter = ',', value_parser = trimmed, required = true)]
    pub keys: Vec<String>,
    /// Databases that may be used, separated by commas.
    #[arg(long, env = "DATA_API_DATABASES", value_name = "DATA_API_DATABASES", value_delimiter = ',', value_parser = trimmed, required = true)]
    pub databases: Vec<String>,
    /// Largest request body in bytes.
    #[arg(long, env = "DATA_API_MAX_BODY", value_name = "DATA_API_MAX_BODY", default_value_t = 16 * 1024 * 1024)]
    pub max_body: usize,
    /// Longest time for one request in seconds.
    #[arg(long, env = "DATA_API_TIMEOUT", value_name = "DATA_API_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub timeout: u64,
}

/// Settings of `indexes`.
#[derive(Args, Clone)]
pub struct IndexesConfig {
    /// How to reach the database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Database that gets the indexes.
    #[arg(long, env = "DATA_API_DATABASE", value_name = "DATA_API_DATABASE")]
    pub name: String,
}

impl ServeConfig {
    /// Longest time for one request.
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Says what is wrong, in words for an operator.
    pub fn check(&self) -> Result<(), String> {
        if self.keys.len() > 2 {
            return Err("DATA_API_KEYS holds more than two keys; two are enough to replace one".into());
        }
        if self.keys.iter().any(|key| key.len() < 16) {
            return Err(
                "DATA_API_KEYS: each key needs at least 16 characters; make one with `openssl rand -hex 24`"
                    .into(),
            );
        }
        Ok(())
    }
}

/// An entry of a list: people write a space behind the comma.
fn trimmed(entry: &str) -> Result<String, &'static str> {
    let entry = entry.trim();
    if entry.is_empty() { Err("an entry of the list is empty") } else { Ok(entry.to_owned()) }
}

impl DatabaseConfig {
    /// A client with our pool and time limits, or what is wrong with the settings.
    pub async fn options(&self) -> Result<ClientOptions, String> {
        let mut options = ClientOptions::parse(&self.mongodb_uri)
            .await
            .map_err(|error| format!("MONGODB_URI cannot be used: {error}"))?;
        options.app_name.get_or_insert_with(|| "aarambh-data-api".into());
        options.max_pool_size.get_or_insert(self.pool);
        // Below the Worker's limit of 5 s, so that it hears of trouble before it gives up.
        options.server_selection_timeout.get_or_insert(Duration::from_secs(3));
        options.connect_timeout.get_or_insert(Duration::from_secs(3));
        Ok(options)
    }
}

/// Connects and makes sure that the database answers.
pub async fn connect(options: ClientOptions) -> Result<Client, String> {
    let client =
        Client::with_options(options).map_err(|error| format!("MONGODB_URI cannot be used: {error}"))?;
    client.database("admin").run_command(bson::doc! { "ping": 1 }).await.map_err(|error| {
        format!("the database does not answer; is MONGODB_URI right and the server up? {error}")
    })?;
    Ok(client)
}
