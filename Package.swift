// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
  name: "XgenServer",
  products: [
    .executable(name: "xgen-server", targets: ["xgen-server"]),
    .executable(name: "xgen-sidecar", targets: ["xgen-sidecar"]),
    .executable(name: "xgen-bench", targets: ["xgen-bench"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.1.0"),
  ],
  targets: [
    .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CLinux"),
    .target(name: "Reactor", dependencies: ["CUV", "CLinux"], swiftSettings: settings),
    .target(name: "ReactorTLS", dependencies: ["Reactor", "COpenSSL"], swiftSettings: settings),
    .target(name: "XgenProtocol", swiftSettings: settings),
    .target(
      name: "XgenSidecar", dependencies: ["Reactor", "XgenProtocol", "CLinux"],
      swiftSettings: settings),
    .target(
      name: "XgenServer",
      dependencies: [
        "Reactor", "ReactorTLS", "XgenProtocol", "CLinux", "COpenSSL", "CCurl", "CYAML",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "xgen-server", dependencies: ["XgenServer"], swiftSettings: settings),
    .executableTarget(
      name: "xgen-sidecar", dependencies: ["XgenSidecar"], swiftSettings: settings),
    .executableTarget(
      name: "xgen-bench",
      dependencies: [
        "Reactor", "XgenProtocol",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      path: "bench/Sources", swiftSettings: settings),
    .target(
      name: "TestSupport", dependencies: ["Reactor", "CLinux", "XgenProtocol"],
      path: "Tests/TestSupport",
      swiftSettings: settings),
    .target(
      name: "ServerTestSupport", dependencies: ["XgenServer", "Reactor", "TestSupport"],
      path: "Tests/ServerTestSupport", swiftSettings: settings),
    .testTarget(
      name: "ReactorTests", dependencies: ["Reactor", "ReactorTLS", "CLinux", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "XgenProtocolTests", dependencies: ["XgenProtocol", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "XgenServerTests",
      dependencies: [
        "XgenServer", "Reactor", "ReactorTLS", "XgenProtocol", "CLinux", "TestSupport",
        "ServerTestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "XgenSidecarTests",
      dependencies: ["XgenSidecar", "XgenProtocol", "Reactor", "TestSupport"],
      swiftSettings: settings),
    // Replays the corpora of the libFuzzer targets, which `Tests/Fuzz/run` builds.
    .testTarget(
      name: "FuzzCorpusTests",
      dependencies: ["Reactor", "XgenProtocol", "XgenServer", "TestSupport"],
      path: "Tests/Fuzz", exclude: ["Targets", "corpus", "run"], swiftSettings: settings),
    // On the cluster that KUBECONFIG names; not a part of `make test`.
    .testTarget(
      name: "KubernetesTests",
      dependencies: [
        "XgenServer", "Reactor", "TestSupport", "ServerTestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "XgenServer", "Reactor", "XgenProtocol", "TestSupport", "ServerTestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
