/// Which class of a model a dataset's label means.
struct LabelMatch {
  /// The model's classes, by the dataset's labels.
  private(set) var classIDs: [String: Int] = [:]

  /// The labels that the model does not know.
  private(set) var unknown: [String] = []

  /// What a person should know of the matching.
  private(set) var notes: [String] = []

  /// Matches labels: by their very spelling, or else without regard to case where one class fits, since
  /// several families write names in small letters.
  init(_ labels: [String], model: [String]) {
    var folded: [(String, String)] = []
    for label in labels {
      if let classID = model.firstIndex(of: label) {
        classIDs[label] = classID
        continue
      }
      let alike = model.indices.filter { model[$0].lowercased() == label.lowercased() }
      if alike.count == 1 {
        classIDs[label] = alike[0]
        folded.append((label, model[alike[0]]))
      } else {
        unknown.append(label)
      }
    }
    if !folded.isEmpty {
      notes.append(
        "taken as the same but for their case: "
          + folded.map { "\($0) and \($1)" }.joined(separator: ", "))
    }
    if !unknown.isEmpty {
      notes.append(
        "left out, as the model does not know them: \(unknown.joined(separator: ", "))")
    }
  }
}
