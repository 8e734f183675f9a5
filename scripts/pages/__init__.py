"""The site: from MkDocs pages to the finished, link-checked folder."""
