// The API's page: <div id="api" data-spec="/api/openapi.json"></div>, after swagger/swagger-ui-bundle.js.
const place = document.getElementById("api");

window.SwaggerUIBundle({ domNode: place, url: place.dataset.spec, deepLinking: true, validatorUrl: null });
