//! The stored part of the service list. What this installation itself offers is added by whoever shows the list.

use imprint_catalogue::identity as tables;
use uuid::Uuid;

use crate::text::{check_description, check_id};
use crate::{Endpoint, Error, Identity, Kind, Region, Service};

/// Longest address of an endpoint, kind or name of a service, in bytes.
const TEXT_MAX: usize = 2_048;

impl Identity {
    /// Every stored region.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_regions(&self) -> Result<Vec<Region>, Error> {
        self.read(|tx| Ok(tables::list_regions(tx)?)).await
    }

    /// Stores a region under its own id, or under a new one when that is empty.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Duplicate`], [`Error::Catalogue`].
    pub async fn create_region(&self, mut row: Region) -> Result<Region, Error> {
        fill_id(&mut row.id);
        check_text("id", &row.id)?;
        check_description(&row.description)?;
        self.write(move |tx| {
            if tables::list_regions(tx)?.iter().any(|known| known.id == row.id) {
                return Err(Error::taken(Kind::Region, &row.id));
            }
            tables::insert_region(tx, &row)?;
            Ok(row.clone())
        })
        .await
    }

    /// Writes a stored region.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Catalogue`].
    pub async fn update_region(&self, row: Region) -> Result<Region, Error> {
        check_description(&row.description)?;
        self.write(move |tx| {
            let there = tables::update_region(tx, &row)?;
            if there { Ok(row.clone()) } else { Err(Error::absent(Kind::Region, &row.id)) }
        })
        .await
    }

    /// Removes a stored region.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_region(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(
            move |tx| {
                if tables::delete_region(tx, &id)? { Ok(()) } else { Err(Error::absent(Kind::Region, &id)) }
            },
        )
        .await
    }

    /// Every stored service.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_services(&self) -> Result<Vec<Service>, Error> {
        self.read(|tx| Ok(tables::list_services(tx)?)).await
    }

    /// Stores a service under a new id.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Catalogue`].
    pub async fn create_service(&self, mut row: Service) -> Result<Service, Error> {
        row.id = Uuid::new_v4().simple().to_string();
        check_service(&row)?;
        self.write(move |tx| {
            tables::insert_service(tx, &row)?;
            Ok(row.clone())
        })
        .await
    }

    /// Writes a stored service.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Catalogue`].
    pub async fn update_service(&self, row: Service) -> Result<Service, Error> {
        check_service(&row)?;
        self.write(move |tx| {
            let there = tables::update_service(tx, &row)?;
            if there { Ok(row.clone()) } else { Err(Error::absent(Kind::Service, &row.id)) }
        })
        .await
    }

    /// Removes a stored service and its endpoints.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_service(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(
            move |tx| {
                if tables::delete_service(tx, &id)? { Ok(()) } else { Err(Error::absent(Kind::Service, &id)) }
            },
        )
        .await
    }

    /// Every stored endpoint.
    ///
    /// # Errors
    /// [`Error::Catalogue`].
    pub async fn list_endpoints(&self) -> Result<Vec<Endpoint>, Error> {
        self.read(|tx| Ok(tables::list_endpoints(tx)?)).await
    }

    /// Stores an endpoint under a new id. Its service is not looked up: it may be one that is not stored.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Catalogue`].
    pub async fn create_endpoint(&self, mut row: Endpoint) -> Result<Endpoint, Error> {
        row.id = Uuid::new_v4().simple().to_string();
        check_endpoint(&row)?;
        self.write(move |tx| {
            tables::insert_endpoint(tx, &row)?;
            Ok(row.clone())
        })
        .await
    }

    /// Writes a stored endpoint.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Catalogue`].
    pub async fn update_endpoint(&self, row: Endpoint) -> Result<Endpoint, Error> {
        check_endpoint(&row)?;
        self.write(move |tx| {
            let there = tables::update_endpoint(tx, &row)?;
            if there { Ok(row.clone()) } else { Err(Error::absent(Kind::Endpoint, &row.id)) }
        })
        .await
    }

    /// Removes a stored endpoint.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Catalogue`].
    pub async fn delete_endpoint(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(
            move |tx| {
                if tables::delete_endpoint(tx, &id)? { Ok(()) } else { Err(Error::absent(Kind::Endpoint, &id)) }
            },
        )
        .await
    }
}

fn fill_id(id: &mut String) {
    if id.is_empty() {
        *id = Uuid::new_v4().simple().to_string();
    }
}

fn check_service(row: &Service) -> Result<(), Error> {
    check_text("type", &row.kind)?;
    if !row.name.is_empty() {
        check_text("name", &row.name)?;
    }
    check_description(&row.description)
}

fn check_endpoint(row: &Endpoint) -> Result<(), Error> {
    check_id("service_id", &row.service_id)?;
    check_text("url", &row.url)?;
    if !["public", "internal", "admin"].contains(&row.interface.as_str()) {
        return Err(Error::Invalid("Invalid input for field 'interface': public, internal or admin".to_owned()));
    }
    row.region_id.as_deref().map_or(Ok(()), |region| check_text("region_id", region))
}

fn check_text(field: &str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() || text.len() > TEXT_MAX || text.contains('\0') {
        return Err(Error::Invalid(format!("Invalid input for field '{field}': 1 to {TEXT_MAX} bytes")));
    }
    Ok(())
}
