import FasterRCNN
import Foundation
import HTTP1
import HTTPServer
import Images
import Testing

@testable import Service

/// Holds `openapi.yaml` against the tables that requests are held against.
@Suite struct OpenAPITests {
  private var components: JSONValue {
    get throws { try #require(try Contract.document.get()["components"]) }
  }

  private var schemas: JSONValue {
    get throws { try #require(try components["schemas"]) }
  }

  @Test func theServedTextIsTheFile() async throws {
    let response = try await DetectionService().get("/openapi.yaml")
    #expect(response.status == 200)
    #expect(response.fields["Content-Type"] == "application/yaml")
    #expect(!Contract.text.isEmpty)
    // A comparison of two arrays would print both where it fails.
    let isTheFile = response.body == Array(Contract.text.utf8)
    #expect(isTheFile, "what is served is not openapi.yaml: is the build older than the file?")
  }

  @Test func pathsAndMethodsAreTheRoutes() throws {
    let paths = try #require(try Contract.document.get()["paths"])
    #expect(paths.keys == Set(Route.allCases.map(\.rawValue)))
    for route in Route.allCases {
      let methods = route.methods.map { $0.rawValue.lowercased() }
      #expect(paths[route.rawValue]?.keys == Set(methods), "\(route.rawValue)")
    }
  }

  @Test(arguments: Route.allCases.filter(\.isWork))
  func queryParametersAreTheTable(route: Route) throws {
    let checker = try Contract.checker()
    let operation = checker.document["paths"]?[route.rawValue]?["post"]
    let table = Parameter.all(of: route)
    let described = (operation?["parameters"]?.elements ?? []).map(checker.resolve)
      .filter { $0["in"] == .string("query") }
    let names = described.compactMap { $0["name"]?.text }
    #expect(Set(names) == Set(table.map(\.rawValue)) && names.count == table.count)
    for entry in described {
      let parameter = try #require(entry["name"]?.text.flatMap(Parameter.init(rawValue:)))
      let aliases = entry["x-aliases"]?.elements.compactMap(\.text) ?? []
      #expect(aliases == parameter.aliases, "\(parameter)")
      for alias in parameter.aliases {
        #expect(entry["description"]?.text?.contains("`\(alias)`") == true, "\(alias)")
      }
      let schema = checker.resolve(try #require(entry["schema"]))
      try expect(schema, describes: parameter, at: route)
    }
  }

  private func expect(
    _ schema: JSONValue, describes parameter: Parameter, at route: Route = .detect
  ) throws {
    func text(_ value: JSONValue) -> String {
      switch value {
      case .number(let number): String(Int(number))
      case .boolean(let boolean): String(boolean)
      case .array(let elements): elements.map(text).joined(separator: ",")
      default: value.text ?? ""
      }
    }
    #expect(schema["default"].map(text) == parameter.defaultText(at: route), "\(parameter)")
    switch parameter.values(at: route) {
    case .number(let range):
      #expect(schema["type"] == .string("number"))
      #expect(schema["minimum"] == .number(Double(range.lowerBound)))
      #expect(schema["maximum"] == .number(Double(range.upperBound)))
    case .integer(let range):
      #expect(schema["type"] == .string("integer"))
      #expect(schema["minimum"] == .number(Double(range.lowerBound)))
      #expect(schema["maximum"] == .number(Double(range.upperBound)))
    case .oneOf(["true", "false"]): #expect(schema["type"] == .string("boolean"))
    case .oneOf(let words): #expect(schema["enum"] == .array(words.map { .string($0) }))
    case .listOf(let words):
      #expect(schema["type"] == .string("array"))
      #expect(schema["items"]?["enum"] == .array(words.map { .string($0) }))
    case .classes, .numbers, .size, .modelName: #expect(schema["type"] == .string("string"))
    }
  }

  @Test func theFormHasThePictureAndTheSameParameters() throws {
    let checker = try Contract.checker()
    let form = try #require(try schemas["PictureForm"])
    let names = Parameter.allCases.map(\.rawValue) + RequestBody.pictureFields
    #expect(form["properties"]?.keys == Set(names))
    #expect(
      form["anyOf"]?.elements.compactMap { $0["required"]?[0]?.text } == RequestBody.pictureFields)
    // A form has no lists: there, `include` is the text that the query has.
    for parameter in Parameter.allCases where parameter != .include {
      let schema = try #require(form["properties"]?[parameter.rawValue])
      try expect(checker.resolve(schema), describes: parameter)
    }
    let limits = MultipartLimits()
    let description = try #require(form["description"]?.text?.replacing("\n", with: " "))
    #expect(description.contains("at most \(limits.maximumParts) parts"))
    #expect(limits.maximumHeaderBytes == 4 << 10 && limits.maximumFieldBytes == 4 << 10)
    #expect(description.components(separatedBy: "at most 4 KiB").count == 3)
  }

  @Test func contentTypesAreThoseThatAreTaken() throws {
    let body = try components["requestBodies"]?["Detector"]
    // A format's other types, as image/jpg, are put up with.
    let taken = MediaType.bodies.subtracting(ImageFormat.all.flatMap { $0.mediaTypes.dropFirst() })
    #expect(body?["content"]?.keys == taken)
    let settings = ServiceSettings()
    #expect(
      settings.maximumBodyBytes == 32 << 20 && settings.imageLimits.maximumPixels == 64_000_000)
    #expect(body?["description"]?.text?.contains("at most 32 MiB and 64 megapixels") == true)
    for route in [Route.detect, .proposals, .explain] {
      let used = try Contract.document.get()["paths"]?[route.rawValue]?["post"]?["requestBody"]
      #expect(used == .object(["$ref": .string("#/components/requestBodies/Detector")]))
    }
  }

  @Test func problemTypesAndStatusesAreTheTable() throws {
    let sent = Problem.Kind.allCases.filter { $0 != .clientClosedRequest }
    let types = try schemas["Problem"]?["properties"]?["type"]?["enum"]?.elements ?? []
    #expect(types == sent.map { .string("urn:frcnn:problem:\($0.rawValue)") })
    let all = Set(sent.map { String($0.status) } + ["200"])
    // The protocol's tensors are never links.
    let ofLinks = Set([Problem.Kind.fetchForbidden, .fetchFailed].map { String($0.status) })
    for route in Route.allCases where route.isWork {
      let operation = try Contract.document.get()["paths"]?[route.rawValue]?["post"]
      let statuses = route.isInferenceProtocol ? all.subtracting(ofLinks) : all
      #expect(operation?["responses"]?.keys == statuses, "\(route)")
    }
  }

  @Test func enumerationsAreTheTypes() throws {
    let image = try #require(try schemas["Image"]?["properties"])
    #expect(
      image["mode"]?["enum"]
        == .array(ImageHeader.ColourMode.allCases.map { .string($0.rawValue) }))
    #expect(
      image["format"]?["enum"] == .array(ImageFormat.all.map { .string($0.identifier) }))
    #expect(image["orientation_applied"]?["maximum"] == .number(Double(Orientation.allCases.count)))
    func outcomes(_ schema: String) throws -> JSONValue? {
      try schemas[schema]?["properties"]?["outcome"]?["enum"]
    }
    #expect(
      try outcomes("ExplainedAnchor")
        == .array(CandidateOutcome.allCases.map { .string($0.rawValue) }))
    #expect(
      try outcomes("ExplainedClass") == .array(ClassOutcome.allCases.map { .string($0.rawValue) }))
    let timings = try schemas["Timings"]?["properties"]?.keys
    #expect(timings == Set(RequestStage.allCases.map(\.rawValue)))
    #expect(
      try schemas["Health"]?["properties"]?["models"]?["items"]?["properties"]?["status"]?["enum"]
        == .array(["unloaded", "loading", "ready", "failed"].map { .string($0) }))
    let phases: [ModelPhase] = [.unloaded, .loading, .failed(reason: "")]
    #expect(phases.map(\.name) == ["unloaded", "loading", "failed"])
  }

  @Test func examplesFitTheirSchemas() throws {
    let checker = try Contract.checker()
    var count = 0
    for (path, operations) in try #require(try Contract.document.get()["paths"]).members {
      for (method, operation) in operations.members {
        let body = operation["requestBody"].map(checker.resolve)
        let responses = (operation["responses"]?.members ?? [:]).values.map(checker.resolve)
        for (type, media) in (responses + [body].compactMap(\.self))
          .flatMap({ Array($0["content"]?.members ?? [:]) })
        {
          let named = (media["examples"]?.members ?? [:]).values.map(checker.resolve)
          let examples = named.compactMap { $0["value"] } + [media["example"]].compactMap(\.self)
          // What is no text cannot stand there.
          let isText = type.hasSuffix("json") || type.hasSuffix("plain") || type.hasSuffix("text")
          #expect(!isText || !examples.isEmpty, "\(method) \(path) \(type)")
          for example in examples {
            let schema = media["schema"] ?? .null
            let violations = checker.violations(of: example, against: schema)
            #expect(violations == [], "\(method) \(path) \(type)")
            count += 1
          }
        }
      }
    }
    #expect(count > 100)
    let responses = try #require(try components["responses"]).members
    for (name, response) in responses {
      let media = try #require(response["content"]?["application/problem+json"], "\(name)")
      let example = try #require(media["example"], "\(name)")
      #expect(checker.violations(of: example, against: media["schema"] ?? .null) == [], "\(name)")
      let type = try #require(example["type"]?.text)
      let kind = try #require(
        Problem.Kind(rawValue: String(type.dropFirst("urn:frcnn:problem:".count))))
      #expect(example["title"] == .string(kind.title), "\(name)")
      #expect(example["status"] == .number(Double(kind.status)), "\(name)")
    }
  }

  @Test func aBreachOfASchemaIsSeen() throws {
    // The checker is ours: that it finds nothing must mean something.
    let checker = try Contract.checker()
    let schema = try #require(try schemas["DetectedObject"])
    func violations(_ json: String) throws -> Int {
      checker.violations(of: try JSONValue(parsing: Array(json.utf8)), against: schema).count
    }
    let good = #"{"box":[1,2,3,4],"score":0.5,"class_id":1,"label":"WBC","proposal_index":0}"#
    #expect(try violations(good) == 0)
    #expect(try violations(good.replacing("[1,2,3,4]", with: "[1,2,3]")) == 1)
    #expect(try violations(good.replacing("0.5", with: "1.5")) == 1)
    #expect(try violations(good.replacing(#""class_id":1"#, with: #""class_id":1.5"#)) == 1)
    #expect(try violations(good.replacing(#""label""#, with: #""name""#)) == 2)
    #expect(try violations(good.replacing("[1,2,3,4]", with: "[1,2,3,null]")) == 1)
  }
}
