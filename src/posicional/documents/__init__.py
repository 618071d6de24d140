"""Arrow batches to OpenSearch documents, and a schema to its mapping."""
