internal import CEmbeddedOpenAPI
internal import CEmbeddedPage
internal import HTTP1
internal import HTTPServer

extension DetectionService {
  /// `GET /`: the page to try a picture on.
  func homeResponse(to request: HTTPRequest) -> HTTPResponse {
    Self.homePage.response(to: request)
  }

  /// `GET /docs`: `openapi.yaml` to read.
  func documentationResponse(to request: HTTPRequest) -> HTTPResponse {
    Self.documentationPage.response(to: request)
  }

  /// `GET /openapi.yaml`: the file of the repository.
  func descriptionResponse(to request: HTTPRequest) -> HTTPResponse {
    var response = Self.openAPIDocument.response(to: request)
    // RFC 9512.
    response.fields.append("Content-Type", "application/yaml")
    return response
  }

  /// `GET /example.jpg`: a picture to try, in which the default model finds something.
  func exampleResponse() -> HTTPResponse {
    var response = HTTPResponse(status: 200, body: Self.examplePicture)
    response.fields.append("Content-Type", "image/jpeg")
    response.fields.append("X-Content-Type-Options", "nosniff")
    return response
  }

  private static let homePage = Page(
    frcnn_page_html, style: frcnn_page_css, script: frcnn_page_js)

  private static let documentationPage = Page(
    frcnn_docs_html, style: frcnn_docs_css, script: frcnn_docs_js)

  private static let examplePicture = EmbeddedFile.bytes(frcnn_example_jpg)

  private static let openAPIDocument: StaticText = {
    // Safety: the C target gives the address and the size of one constant array.
    let bytes = unsafe UnsafeBufferPointer(
      start: frcnn_openapi_bytes(), count: frcnn_openapi_byte_count())
    return unsafe StaticText(Array(bytes))
  }()
}
