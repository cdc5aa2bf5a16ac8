//! Dialect: Alibaba Cloud's RPC-style APIs.
