// ReDoc over our own document.
"use strict";

window.Redoc.init("/openapi.json", { hideDownloadButtons: false, requiredPropsFirst: true }, document.getElementById("page"));
