"""Operations, the batches that hold them, and the spool where batches wait."""
