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
    Self.openAPIDocument.response(to: request)
  }

  /// `GET /example.jpg`: a picture to try, in which the default model finds something.
  func exampleResponse(to request: HTTPRequest) -> HTTPResponse {
    Self.examplePicture.response(to: request)
  }

  private static let homePage = Page(
    frcnn_page_html, style: frcnn_page_css, script: frcnn_page_js)

  private static let documentationPage = Page(
    frcnn_docs_html, style: frcnn_docs_css, script: frcnn_docs_js)

  private static let examplePicture = StaticDocument(
    EmbeddedFile.bytes(frcnn_example_jpg), mediaType: "image/jpeg", isText: false)

  /// The media type is that of RFC 9512.
  private static let openAPIDocument = StaticDocument(
    EmbeddedFile.bytes(frcnn_openapi_yaml), mediaType: "application/yaml", isText: true)
}
