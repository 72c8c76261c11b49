//! For tests only: upstreams that record, a proxy on port 0, tokens and key servers, a clock, eventually()
