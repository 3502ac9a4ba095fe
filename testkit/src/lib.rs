//! Recorder upstream, .case runner and goldens for tests
