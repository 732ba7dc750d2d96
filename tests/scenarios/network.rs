//! Networks as they are: they break, stall, lie without meaning it, and come
//! back. What was paid for once is not paid for again, and what goes wrong is
//! said in words that help.

mod failing;
mod resume;
mod sources;
mod tls;
