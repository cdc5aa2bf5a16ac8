//! Giving an image's bytes out.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use imprint_model::{Action, Caller, Content, Image, ImageId, Status};
use imprint_store::{Extent, MapReader};

use crate::Service;
use crate::access::load;
use crate::error::Error;

/// An image whose bytes the caller may have.
#[derive(Debug)]
pub struct Download {
    /// The record.
    pub image: Image,
    /// The bytes, when there are any.
    pub content: Option<Content>,
    reader: Option<MapReader>,
}

impl Service {
    /// Opens an image's bytes. An image without data yet gives none.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Denied`] also for a deactivated image.
    pub async fn download(&self, caller: &Caller, id: ImageId) -> Result<Download, Error> {
        let asker = caller.clone();
        let image = self.catalogue.read(move |tx| load(tx, &asker, Action::Download, id)).await?;
        if image.status == Status::Deactivated && !caller.is_admin() {
            return Err(Error::Denied(
                "The requested image has been deactivated. Image data download is forbidden.".into(),
            ));
        }
        let content = image.content.clone().filter(|_| image.status.has_data());
        let reader = match &content {
            Some(content) => Some(self.store.reader(content.map).await?),
            None => None,
        };
        self.note_hit(id);
        Ok(Download { image, content, reader })
    }
}

impl Download {
    /// The bytes of `range`, which must lie within the content. Every byte is verified before it is given.
    pub fn stream(&self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let parts = self.reader.as_ref().map(|reader| reader.stream(range));
        futures_util::stream::iter(parts).flatten().map(|part| part.map_err(Error::from))
    }

    /// Where the data is within `range`, from its beginning on. May end early: go on from the end of the last.
    ///
    /// # Errors
    /// When the content's map cannot be read.
    pub async fn extents(&self, range: Range<u64>) -> Result<Vec<Extent>, Error> {
        match &self.reader {
            Some(reader) => Ok(reader.extents(range).await?),
            None => Ok(Vec::new()),
        }
    }
}
