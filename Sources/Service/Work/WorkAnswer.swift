internal import HTTPServer

/// An answer that was worked out on a lane.
struct WorkAnswer: Sendable {
  var response: HTTPResponse
  var timings: Timeline
  /// How many pictures or feature maps were worked on.
  var count = 1
}
