"""Reports: run folders in, pages and figures out."""
