//! Decides, never does: scheduling, rollout, healing, routes. Pure and deterministic.
