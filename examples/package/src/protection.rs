//! A key to try players with: anyone who finds the folder finds it.

use std::fmt::Write;

use airloom_segmenter::encrypt::Key;

pub(crate) struct Secret {
    id: [u8; 16],
    key: [u8; 16],
    iv: [u8; 16],
}

impl Secret {
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut secret = Self { id: [0; 16], key: [0; 16], iv: [0; 16] };
        for field in [&mut secret.id, &mut secret.key, &mut secret.iv] {
            getrandom::fill(field)?;
        }
        Ok(secret)
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(self.id, self.key).with_iv(self.iv)
    }

    pub(crate) fn content(&self) -> [u8; 16] {
        self.key
    }

    /// The playlist or manifest with the key named: `EXT-X-KEY` before each header, and
    /// `ContentProtection` in each adaptation set.
    pub(crate) fn name(&self, playlist: &str) -> String {
        let (id, iv) = (hex(&self.id), hex(&self.iv));
        let uuid = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
        let key = format!(
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key.bin\",KEYFORMAT=\"identity\",IV=0x{iv}\n"
        );
        let protection = format!(
            "<ContentProtection schemeIdUri=\"urn:mpeg:dash:mp4protection:2011\" value=\"cbcs\" \
             xmlns:cenc=\"urn:mpeg:cenc:2013\" cenc:default_KID=\"{uuid}\"/>"
        );
        let mut named = String::new();
        for line in playlist.split_inclusive('\n') {
            if line.starts_with("#EXT-X-MAP") {
                named.push_str(&key);
            }
            named.push_str(line);
        }
        let mut parts = named.split("<AdaptationSet");
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (attributes, rest) = part.split_once('>').unwrap_or((part, ""));
            let _ = write!(named, "<AdaptationSet{attributes}>{protection}{rest}");
        }
        named
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
