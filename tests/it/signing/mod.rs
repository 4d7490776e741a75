//! Signatures against vectors that the vendors' own tools and documents made.
//!
//! `tests/vectors/<cloud>/<case>/` holds one request and what becomes of it, byte for byte;
//! `ORIGIN.md` beside the cases says who computed what. Each cloud has its module here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Request;

mod alicloud;
mod aws;
mod huaweicloud;

/// One folder of vectors.
struct Case {
    name: String,
    folder: PathBuf,
}

impl Case {
    /// All cases of a cloud, by name. Fails if there are none.
    fn all(cloud: &str) -> Vec<Case> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(cloud);
        let mut cases: Vec<Case> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|folder| Case {
                name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
                folder,
            })
            .collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(!cases.is_empty(), "no vectors in {}", folder.display());
        cases
    }

    /// A file of the case; None if the origin does not publish it.
    fn file(&self, name: &str) -> Option<String> {
        let path = self.folder.join(name);
        path.exists().then(|| std::fs::read_to_string(path).unwrap())
    }

    /// The file `request`: method and target, headers, an empty line, the body to the last byte.
    fn request(&self) -> Request<Bytes> {
        let text = self.file("request").unwrap();
        let (head, body) = text.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        request.body(Bytes::from(body.to_owned())).unwrap()
    }
}
