internal import CEmbeddedOpenAPI
internal import CEmbeddedPage
internal import HTTP1
internal import HTTPServer

extension DetectionService {
  /// `GET /`: the page to try a picture on.
  func homeResponse() -> HTTPResponse { Self.homePage.response() }

  /// `GET /docs`: `openapi.yaml` to read.
  func documentationResponse() -> HTTPResponse { Self.documentationPage.response() }

  /// `GET /openapi.yaml`: the file of the repository.
  func descriptionResponse() -> HTTPResponse {
    var response = HTTPResponse(status: 200, body: Self.openAPIDocument)
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

  private static let openAPIDocument: [UInt8] = {
    // Safety: the C target gives the address and the size of one constant array.
    let bytes = unsafe UnsafeBufferPointer(
      start: frcnn_openapi_bytes(), count: frcnn_openapi_byte_count())
    return unsafe Array(bytes)
  }()
}
