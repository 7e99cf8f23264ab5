//! `data-api indexes`: creates what `domain::indexes` declares.

use bson::{Document, doc};
use domain::indexes::{INDEXES, Order};
use mongodb::{IndexModel, options::IndexOptions};

use crate::config::{IndexesConfig, connect};

/// Creates all indexes and prints one line for each.
pub async fn create(config: IndexesConfig) -> Result<(), String> {
    let client = connect(config.database.options().await?).await?;
    let database = client.database(&config.name);
    for (place, index) in INDEXES.iter().enumerate() {
        let keys: Document = index
            .keys
            .iter()
            .map(|(field, order)| {
                ((*field).to_owned(), bson::Bson::Int32(if *order == Order::Asc { 1 } else { -1 }))
            })
            .collect();
        let name = keys.iter().map(|(field, order)| format!("{field}_{order}")).collect::<Vec<_>>().join("_");
        let options = IndexOptions::builder()
            .unique(index.unique.then_some(true))
            .sparse(index.sparse.then_some(true))
            .name(name.clone())
            .build();
        let model = IndexModel::builder().keys(keys).options(options).build();
        database
            .collection::<Document>(index.collection)
            .create_index(model)
            .await
            .map_err(|error| format!("index {name} of {} cannot be created: {error}", index.collection))?;
        println!("{:>2}/{} {}.{name}", place + 1, INDEXES.len(), index.collection);
    }
    database.run_command(doc! { "ping": 1 }).await.map_err(|error| error.to_string())?;
    Ok(())
}
