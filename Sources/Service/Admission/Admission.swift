/// What the head of a request for a detector says, checked.
struct Admission: Sendable {
  /// What is asked for; a door's requests are `detect` in other words.
  var route: Route
  /// The other server's way in which it is asked and answered; `nil` for this one's own.
  var door: Door.Detection?
  var type: MediaType?
  /// The coding that the body has to be freed of.
  var coding: ContentCoding?
  var parameters: [NamedValue]
  /// How long the answer may take, from the request's arrival.
  var timeout: Duration
  /// The model that it is for, which stays the same whatever is loaded meanwhile.
  var model: ServedModel
}
