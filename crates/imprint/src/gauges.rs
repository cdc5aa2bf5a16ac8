//! Figures of the engine for `/metrics`, looked at when somebody asks.

use imprint_http::Metrics;
use imprint_service::Service;

/// Adds the engine's figures to the registry.
pub(crate) fn register(metrics: &Metrics, service: &Service) {
    metrics.register(|registry| registry.register_collector(Box::new(collector::Figures::new(service.clone()))));
}

mod collector {
    use imprint_service::{Figures as Current, Service};
    use prometheus_client::collector::Collector;
    use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
    use prometheus_client::metrics::gauge::ConstGauge;

    /// Reads what the service noted last; never waits.
    #[derive(Debug)]
    pub(crate) struct Figures(Service);

    impl Figures {
        pub(crate) fn new(service: Service) -> Self {
            Self(service)
        }
    }

    impl Collector for Figures {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
            let Current { packs, stored_bytes, records, jobs_pending, jobs_running } = self.0.figures();
            let chunks = self.0.nbd_figures();
            for (name, help, value) in [
                ("store_packs", "Packs in the store", packs),
                ("store_stored_bytes", "Bytes of all packs", stored_bytes),
                ("store_records", "Chunks and map pages in the packs", records),
                ("jobs_pending", "Jobs that wait for a worker", jobs_pending),
                ("jobs_running", "Jobs that a worker has", jobs_running),
                ("nbd_chunks_read", "Chunks that were read from the store for NBD", chunks.read),
                ("nbd_read_bytes", "Their bytes", chunks.read_bytes),
                ("nbd_chunks_remembered", "Chunks that NBD needed and remembered", chunks.remembered),
            ] {
                let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
                let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
                gauge.encode(metric)?;
            }
            Ok(())
        }
    }
}
