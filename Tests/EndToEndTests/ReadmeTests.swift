import Foundation
import Testing

/// What the README states about the program is what the program says of itself.
@Suite struct ReadmeTests {
  private func readme() throws -> String {
    try String(contentsOf: Program.repository.appending(path: "README.md"), encoding: .utf8)
  }

  @Test func listsEverySettingWithItsVariableAndDefault() async throws {
    let help = try await Program.run(["serve", "--help"]).text
    // The help folds its lines; unfolded, an option is "--name <value> purpose [VARIABLE; default"; one
    // that is on or off has no value.
    // An option begins a line; the examples above have some amid theirs.
    let text = help.replacing("\n  --", with: "\n§").replacing(/\s+/, with: " ")
    let form = /§([a-z-]+)(?: <[a-z]+>)? [^\[\]§]*\[(FRCNN_[A-Z_]+); ([^\]:,]+)/
    let options = text.matches(of: form)
    #expect(options.count >= 15)
    let rows = try readme().split(separator: "\n").filter { $0.hasPrefix("| `--") }
    #expect(rows.count == options.count)
    for option in options {
      let row = rows.first { $0.hasPrefix("| `--\(option.1)` | `\(option.2)` |") }
      let cells = row?.split(separator: "|") ?? []
      #expect(cells.count >= 3, "--\(option.1) is not in the README")
      guard cells.count >= 3 else { continue }
      let stated = cells[2].trimmingCharacters(in: .whitespaces)
        .replacingOccurrences(of: "`", with: "")
      #expect(stated == String(option.3), "--\(option.1)")
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
