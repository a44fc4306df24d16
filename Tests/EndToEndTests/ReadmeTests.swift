import Foundation
import Testing

/// What the README states about the program is what the program says of itself.
@Suite struct ReadmeTests {
  private func readme() throws -> String {
    try String(contentsOf: Program.repository.appending(path: "README.md"), encoding: .utf8)
  }

  /// The settings of `frcnn serve` as its help has them.
  private func settings() async throws -> [(name: String, variable: String, standard: String)] {
    let help = try await Program.run(["serve", "--help"]).text
    // The help folds its lines; unfolded, an option is "--name <value> purpose [VARIABLE; default"; one
    // that is on or off has no value.
    // An option begins a line; the examples above have some amid theirs.
    let text = help.replacing("\n  --", with: "\n§").replacing(/\s+/, with: " ")
    let form = /§([a-z-]+)(?: <[a-z]+>)? [^\[\]§]*\[(FRCNN_[A-Z_]+); ([^\]:,]+)/
    let settings = text.matches(of: form).map {
      (name: String($0.1), variable: String($0.2), standard: String($0.3))
    }
    #expect(settings.count >= 15)
    return settings
  }

  @Test func listsEverySettingWithItsVariableAndDefault() async throws {
    let settings = try await settings()
    let rows = try readme().split(separator: "\n").filter { $0.hasPrefix("| `--") }
    #expect(rows.count == settings.count)
    for setting in settings {
      let row = rows.first { $0.hasPrefix("| `--\(setting.name)` | `\(setting.variable)` |") }
      let cells = row?.split(separator: "|") ?? []
      #expect(cells.count >= 3, "--\(setting.name) is not in the README")
      guard cells.count >= 3 else { continue }
      let stated = cells[2].trimmingCharacters(in: .whitespaces)
        .replacingOccurrences(of: "`", with: "")
      #expect(stated == setting.standard, "--\(setting.name)")
    }
  }

  @Test func theOperatorsTableHasEverySettingWithItsDefault() async throws {
    let document = try String(
      contentsOf: Program.repository.appending(path: "docs/operations.md"), encoding: .utf8)
    // A row may be about several that go together.
    var defaults: [String: String] = [:]
    for row in document.split(separator: "\n") where row.hasPrefix("| `--") {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      for match in cells[0].matches(of: /`--([a-z-]+)`/) {
        #expect(defaults[String(match.1)] == nil, "--\(match.1) stands twice")
        defaults[String(match.1)] = cells[1].replacing("`", with: "")
      }
    }
    let settings = try await settings()
    #expect(Set(defaults.keys) == Set(settings.map(\.name)))
    for setting in settings {
      #expect(defaults[setting.name] == setting.standard, "--\(setting.name)")
    }
  }

  @Test func theFilesItNamesAreThere() throws {
    for match in try readme().matches(of: /\]\(([a-zA-Z][^):]*)\)/) {
      let path = Program.repository.appending(path: String(match.1)).path
      #expect(FileManager.default.fileExists(atPath: path), "\(match.1)")
    }
  }

  @Test func theChangelogNamesTheVersion() async throws {
    let version = try await Program.run(["--version"]).text.trimmingCharacters(in: .newlines)
    let changes = try String(
      contentsOf: Program.repository.appending(path: "CHANGELOG.md"), encoding: .utf8)
    #expect(changes.contains("\n## \(version)"))
  }
}
