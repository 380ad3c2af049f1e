//! Pictures for people: contact sheets and plots.
