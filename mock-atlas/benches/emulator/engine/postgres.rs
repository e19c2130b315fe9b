//! PostgreSQL, with a connection for each client.

use futures_util::future::try_join_all;
use tokio::task::JoinHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row, Statement};

use super::{
    BY_TAG, CLIENTS, COLUMNS, COMMON, CREATED, Engine, FIND_TYPE, LATEST, NewVersion, tag,
};
use crate::Result;

/// The statement with which the emulator creates a version that no webhook is told of, and the types of its values.
const CREATE: &str = concat!(
    include_str!("../../../src/storage/durable/versions/creation.sql"),
    ") SELECT (SELECT count(*) FROM found), (SELECT last_number FROM numbered), 0"
);
const TYPES: [Type; 11] = [
    Type::TEXT,
    Type::TEXT,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::INT8,
    Type::TEXT,
    Type::BYTEA,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
];

/// The connections to a database.
pub(crate) struct Postgres(Vec<Connection>);

/// A connection, with its prepared statements.
struct Connection {
    client: Client,
    create: Statement,
    find_type: Statement,
    latest: Statement,
    by_tag: Statement,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Postgres {
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let connections = (0..CLIENTS).map(|_| Connection::open(url));
        Ok(Self(try_join_all(connections).await?))
    }

    /// Runs a client's work on as many connections, each of which gets its number.
    async fn with_clients(
        &self,
        clients: u64,
        work: impl AsyncFn(&Connection, u64) -> Result<()>,
    ) -> Result<()> {
        let work = &work;
        let connections = self.0.iter().zip(0..clients);
        try_join_all(connections.map(|(connection, client)| work(connection, client))).await?;
        Ok(())
    }
}

impl Connection {
    async fn open(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // A connection that fails is told by its statements.
        let driver = tokio::spawn(async move { _ = connection.await });
        Ok(Self {
            create: client.prepare_typed(CREATE, &TYPES).await?,
            find_type: client.prepare(FIND_TYPE).await?,
            latest: client.prepare(LATEST).await?,
            by_tag: client.prepare(BY_TAG).await?,
            client,
            driver,
        })
    }

    async fn push(&self, number: u64) -> Result<()> {
        let version = NewVersion::new(number)?;
        let upload = version.upload.as_slice();
        let tags = version.tags.concat();
        let (build, file_state): (Option<i64>, i64) = (None, 0);
        let values: [&(dyn ToSql + Sync); 11] = [
            &"acme",
            &"web",
            &"amazon.image",
            &i64::MAX,
            &version.id,
            &build,
            &version.metadata,
            &upload,
            &file_state,
            &CREATED,
            &tags,
        ];
        self.client.query_one(&self.create, &values).await?;
        Ok(())
    }

    async fn type_id(&self) -> Result<i64> {
        let values: [&(dyn ToSql + Sync); 3] = [&"amazon.image", &"acme", &"web"];
        let row = self.client.query_one(&self.find_type, &values).await?;
        Ok(row.try_get(1)?)
    }
}

impl Engine for Postgres {
    async fn push(&self, first: u64, count: u64, clients: u64) -> Result<()> {
        self.with_clients(clients, async |connection, client| {
            for number in (client..count).step_by(clients as usize) {
                connection.push(first + number).await?;
            }
            Ok(())
        })
        .await
    }

    async fn latest(&self, times: u64, clients: u64) -> Result<()> {
        self.with_clients(clients, async |connection, client| {
            for _ in (client..times).step_by(clients as usize) {
                let values: [&(dyn ToSql + Sync); 2] = [&connection.type_id().await?, &1_i64];
                let rows = connection.client.query(&connection.latest, &values);
                check(&rows.await?)?;
            }
            Ok(())
        })
        .await
    }

    async fn by_metadata(&self, times: u64, clients: u64) -> Result<()> {
        let tag = tag(COMMON.0, COMMON.1);
        let tag = tag.as_slice();
        self.with_clients(clients, async |connection, client| {
            for _ in (client..times).step_by(clients as usize) {
                let type_id = connection.type_id().await?;
                let values: [&(dyn ToSql + Sync); 4] = [&type_id, &i64::MAX, &tag, &1_i64];
                let rows = connection.client.query(&connection.by_tag, &values);
                check(&rows.await?)?;
            }
            Ok(())
        })
        .await
    }
}

/// Checks that there is one row, with all columns.
fn check(rows: &[Row]) -> Result<()> {
    match rows {
        [row] if row.len() == COLUMNS => Ok(()),
        _ => Err("PostgreSQL found no version".into()),
    }
}
