use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airloom::archive::object_store::memory::InMemory;
use airloom::archive::object_store::path::Path;
use airloom::archive::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use airloom::playlist::Resource;
use async_trait::async_trait;
use futures_util::stream::{BoxStream, TryStreamExt};

/// How a store behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// 500 to everything.
    Failing,
    /// Says nothing.
    Hanging,
    /// Fails two of three uploads, and every third time after having stored what came.
    Moody,
}

/// A store in memory that behaves as it is told to, and notes every playlist that lists what is not
/// there.
#[derive(Debug, Clone)]
pub(crate) struct Shelf(Arc<State>);

#[derive(Debug)]
struct State {
    store: Arc<dyn ObjectStore>,
    /// The same, past whatever is in the way of the archive.
    reader: Arc<dyn ObjectStore>,
    mood: Mutex<Mood>,
    puts: Mutex<Vec<Path>>,
    wrong: Mutex<Vec<String>>,
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shelf")
    }
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let store = Arc::new(InMemory::new());
        Self::of(store.clone(), store)
    }

    /// What is in front of `store`, looked at through `reader`.
    pub(crate) fn of(store: Arc<dyn ObjectStore>, reader: Arc<dyn ObjectStore>) -> Self {
        Self(Arc::new(State {
            store,
            reader,
            mood: Mutex::new(Mood::Well),
            puts: Mutex::default(),
            wrong: Mutex::default(),
        }))
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    /// Uploads that were tried.
    pub(crate) fn tried(&self) -> usize {
        self.0.puts.lock().unwrap().len()
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        self.0.wrong.lock().unwrap().clone()
    }

    /// Names of all there is, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        let objects: Vec<_> = self.0.reader.list(None).try_collect().await.unwrap();
        let mut names: Vec<_> = objects.iter().map(|object| object.location.to_string()).collect();
        names.sort();
        names
    }

    pub(crate) async fn read(&self, name: &str) -> Vec<u8> {
        let object = self.0.reader.get(&Path::from(name)).await.unwrap();
        object.bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name).await).unwrap()
    }

    async fn check(&self, path: &Path, text: &str) {
        let folder = path.as_ref().rsplit_once('/').unwrap().0;
        for link in links(text) {
            let there = self.0.reader.head(&Path::from(format!("{folder}/{link}"))).await;
            // A server that is away has said nothing.
            if matches!(there, Err(Error::NotFound { .. })) {
                self.0.wrong.lock().unwrap().push(format!("{path} lists {link}: {text}"));
            }
        }
    }
}

/// What a playlist leads to: everything in it that is a name of ours.
pub(crate) fn links(text: &str) -> Vec<String> {
    let words = text.split(['\n', '"']).filter(|word| Resource::parse(word).is_some());
    let words: Vec<_> = words.map(str::to_owned).collect();
    // A gap has the name that its segment would have had.
    let gaps: Vec<_> = text.split("#EXT-X-GAP\n").skip(1).collect();
    let gone = |word: &String| {
        gaps.iter().any(|after| after.lines().find(|line| !line.starts_with('#')) == Some(word))
    };
    words.into_iter().filter(|word| !gone(word)).collect()
}

fn failure() -> Error {
    Error::Generic { store: "shelf", source: "500 Internal Server Error".into() }
}

#[async_trait]
impl ObjectStore for Shelf {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let tries = {
            let mut puts = self.0.puts.lock().unwrap();
            puts.push(location.clone());
            puts.len()
        };
        let mood = *self.0.mood.lock().unwrap();
        // As long as it takes over a network.
        tokio::time::sleep(Duration::from_millis(20)).await;
        match mood {
            Mood::Hanging => std::future::pending().await,
            Mood::Failing => return Err(failure()),
            Mood::Moody if tries % 3 == 1 => return Err(failure()),
            Mood::Well | Mood::Moody => {}
        }
        let name = location.filename().and_then(Resource::parse);
        if name.is_some_and(|name| name.is_live()) {
            let bytes: Vec<u8> = payload.iter().flat_map(|bytes| bytes.to_vec()).collect();
            self.check(location, std::str::from_utf8(&bytes).unwrap()).await;
        }
        let stored = self.0.store.put_opts(location, payload, options).await;
        if mood == Mood::Moody && tries % 3 == 2 { Err(failure()) } else { stored }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.store.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.store.copy_opts(from, to, options).await
    }
}
