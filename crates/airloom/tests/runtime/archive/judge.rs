use std::sync::Arc;

use airloom::archive::Config;
use airloom::playlist::Resource;
use airloom::{Archive, Origin};

use super::shelf::{Shelf, links};

pub(crate) fn archived(shelf: &Shelf, config: Config) -> (Archive, Origin) {
    let archive = Archive::open(Arc::new(shelf.clone()), config).unwrap();
    let origin = Origin::builder().observer(Arc::new(archive.clone())).build();
    (archive, origin)
}

/// Checks that there is one life of `cam`, that all it lists is there and all that is there is
/// listed, and gives its folder and how many gaps there are.
pub(crate) async fn complete(shelf: &Shelf) -> (String, usize) {
    assert_eq!(shelf.wrong(), <[String; 0]>::default());
    let names = shelf.names().await;
    let index: Vec<_> = names.iter().filter(|name| name.ends_with("/index.m3u8")).collect();
    assert_eq!(index.len(), 1, "{names:?}");
    let folder = index[0].strip_suffix("index.m3u8").unwrap().to_owned();
    let mut linked = vec!["index.m3u8".to_owned(), "manifest.mpd".to_owned()];
    let mut gaps = 0;
    let renditions = links(&shelf.text(index[0]).await);
    let is_rendition =
        |name: &&String| matches!(Resource::parse(name), Some(Resource::Media { .. }));
    for rendition in renditions.iter().filter(is_rendition) {
        let text = shelf.text(&format!("{folder}{rendition}")).await;
        assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT") || text.contains("TYPE:VOD"), "{text}");
        assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
        gaps += text.matches("#EXT-X-GAP\n").count();
        linked.extend(links(&text));
        linked.push(rendition.clone());
    }
    linked.sort();
    linked.dedup();
    let linked: Vec<_> = linked.into_iter().map(|name| format!("{folder}{name}")).collect();
    assert_eq!(names, linked);
    let manifest = shelf.text(&format!("{folder}manifest.mpd")).await;
    assert!(manifest.contains("type=\"static\"") && !manifest.contains("UTCTiming"), "{manifest}");
    (folder, gaps)
}
