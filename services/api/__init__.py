"""The staff's side over HTTP: what may be asked (operations), who may (permissions), how it is answered."""
