//! Client generated from openapi/v1.json.
