/// How far a server is in its life; that of each of its models is another thing (`ModelPhase`).
///
/// `draining` asks those who choose among servers to choose another one, and still serves whoever comes.
/// There is no way back.
enum ServerPhase: Sendable {
  case serving
  case draining
}
