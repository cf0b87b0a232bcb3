//! The service of gRPC that is measured: one bidirectional stream of [`Small`] messages.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = Method::builder()
        .name("talk")
        .route_name("Talk")
        .input_type("crate::Small")
        .output_type("crate::Small")
        .codec_path("tonic_prost::ProstCodec")
        .client_streaming()
        .server_streaming();
    let service = Service::builder().name("Talk").package("bench").method(method.build());
    Builder::new().compile(&[service.build()]);
}
