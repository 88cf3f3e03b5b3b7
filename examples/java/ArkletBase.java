// A base in Java that is driven by the HTTP API of Arklet as its documents tell it: every biz is a jar with a class loader of its own.
//
//   PORT=8080 EVENKEEL_ARKLET_URL=http://127.0.0.1:1238 java ArkletBase.java
//
// A biz is a jar whose manifest has Ark-Biz-Name, Ark-Biz-Version and a Main-Class that is an HttpHandler; it answers below /<name>. AutoCloseable ones are closed
// when they leave. Of SOFAArk it has no plugins, no delegation rules and no Spring: what a base does with orders is what is shown here.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.jar.JarFile;

public final class ArkletBase {
  private static final int MOST_BODY_BYTES = 1 << 20;
  private static final int MOST_RECORDS = 200;

  private final List<Biz> all = new CopyOnWriteArrayList<>();
  /** The command that each name:version is busy with. */
  private final Map<String, String> busy = new ConcurrentHashMap<>();
  private final Map<String, Map<String, Object>> records = new LinkedHashMap<>();

  public static void main(String[] args) throws IOException {
    var base = new ArkletBase();
    var host = System.getenv().getOrDefault("HOST", "127.0.0.1");
    var api = URI.create(System.getenv().getOrDefault("EVENKEEL_ARKLET_URL", "http://127.0.0.1:1238"));
    // First what it is driven by: whoever finds it serving can give it modules.
    serve(new InetSocketAddress(api.getHost(), api.getPort()), base::command);
    serve(new InetSocketAddress(host, Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"))), base::request);
  }

  private static void serve(InetSocketAddress address, HttpHandler handler) throws IOException {
    var server = HttpServer.create(address, 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", handler);
    server.start();
  }

  // ---- What it serves ----

  private void request(HttpExchange exchange) throws IOException {
    try (exchange) {
      var name = exchange.getRequestURI().getPath().split("/", 3)[1];
      var biz = all.stream().filter(each -> each.name.equals(name) && each.state.equals("ACTIVATED")).findFirst();
      if (biz.isPresent()) biz.get().handler.handle(exchange);
      else answer(exchange, name.isEmpty() || name.equals("healthz") ? 200 : 404, "the base " + ProcessHandle.current().pid());
    }
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    var bytes = text.getBytes("UTF-8");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  // ---- The API ----

  private void command(HttpExchange exchange) throws IOException {
    try (exchange) {
      exchange.getResponseHeaders().set("Connection", "close");
      if (!exchange.getRequestMethod().equals("POST")) {
        answer(exchange, 500, "POST http request only supported by arklet");
        return;
      }
      var command = exchange.getRequestURI().getPath().substring(1);
      Map<String, Object> answered;
      try {
        answered = perform(command, Json.object(new String(exchange.getRequestBody().readNBytes(MOST_BODY_BYTES), "UTF-8")));
      } catch (Throwable error) {
        answered = envelope("CMD_PROCESS_INTERNAL_ERROR", "message", "Internal Error: " + reason(error), "errorStackTrace", stack(error));
      }
      answered.put("baseIdentity", "java-" + ProcessHandle.current().pid());
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      answer(exchange, 200, Json.write(answered));
    }
  }

  private Map<String, Object> perform(String command, Map<?, ?> body) throws Exception {
    switch (command) {
      case "installBiz":
      case "uninstallBiz":
      case "switchBiz":
        return Boolean.TRUE.equals(body.get("async")) ? later(command, body) : alone(command, body);
      case "batchInstallBiz":
        return batch(body);
      case "queryAllBiz":
        return envelope("SUCCESS", "data", all.stream().map(Biz::info).toList());
      case "queryBizOps":
        var record = recordOf(text(body, "requestId"));
        return record == null ? envelope("FAILED", "message", "Not found the corresponding ops record.") : envelope("SUCCESS", "data", record);
      case "health":
        return health(body);
      case "help":
        var ids = List.of("installBiz", "batchInstallBiz", "uninstallBiz", "switchBiz", "queryAllBiz", "queryBizOps", "health", "help");
        return envelope("SUCCESS", "data", ids.stream().map(id -> Map.of("id", id, "desc", id)).toList());
      default:
        return envelope("CMD_NOT_FOUND", "message", "please follow the doc");
    }
  }

  /** One command at a time for each name:version. */
  private Map<String, Object> alone(String command, Map<?, ?> body) throws Exception {
    var key = body.get("bizName") == null ? text(body, "bizUrl", "bizUrl") : body.get("bizName") + ":" + body.get("bizVersion");
    var other = busy.putIfAbsent(key, command);
    if (other != null) return envelope("FAILED", "message", "conflict, exist unfinished command(" + other + ") for this biz");
    try {
      if (command.equals("installBiz")) return install(body);
      return command.equals("switchBiz") ? activate(body) : uninstall(body);
    } finally {
      busy.remove(key);
    }
  }

  private Map<String, Object> later(String command, Map<?, ?> body) {
    var id = text(body, "requestId");
    var begun = System.currentTimeMillis();
    Map<String, Object> meta = map("bizName", body.get("bizName"), "bizVersion", body.get("bizVersion"), "requestId", id, "async", true);
    Map<String, Object> record = map("requestId", id, "arkBizMeta", meta, "status", "INITIALIZED", "startTimestamp", begun);
    synchronized (records) {
      if (records.containsKey(id)) return envelope("FAILED", "message", id + " has been executed");
      records.put(id, record);
      if (records.size() > MOST_RECORDS) records.remove(records.keySet().iterator().next());
    }
    new Thread(() -> {
      var end = map("status", "SUCCEEDED");
      try {
        var answered = alone(command, body);
        if (!answered.get("code").equals("SUCCESS")) end = map("status", "FAILED", "message", answered.get("message"));
      } catch (Throwable error) {
        end = map("status", "FAILED", "message", reason(error), "throwable", stack(error));
      }
      synchronized (records) {
        record.putAll(end);
        record.put("elapsedTime", System.currentTimeMillis() - begun);
      }
    }).start();
    return envelope("SUCCESS", "data", new LinkedHashMap<>(record));
  }

  private Map<String, Object> recordOf(String id) {
    synchronized (records) {
      return records.containsKey(id) ? new LinkedHashMap<>(records.get(id)) : null;
    }
  }

  private Map<String, Object> batch(Map<?, ?> body) throws Exception {
    if (!(body.get("bizList") instanceof List<?> list) || list.isEmpty()) throw new IllegalArgumentException("bizList should not be empty");
    Map<String, Object> each = map();
    var code = "SUCCESS";
    for (var one : list) {
      var answered = alone("installBiz", (Map<?, ?>) one);
      if (!answered.get("code").equals("SUCCESS")) code = "FAILED";
      each.put(text((Map<?, ?>) one, "bizUrl"), answered.get("data"));
    }
    return envelope(code, "data", map("code", code, "message", "batch install " + code, "bizUrlToResponse", each, "elapsedSpace", 0));
  }

  private Map<String, Object> install(Map<?, ?> body) throws Exception {
    var began = System.currentTimeMillis();
    var biz = new Biz(fetched(new URL(text(body, "bizUrl"))));
    var same = find(biz.name, biz.version);
    if (same != null) return refused("install", "REPEAT_BIZ", "Biz: " + biz.id() + " has been installed or registered.");
    for (var field : List.of("bizName", "bizVersion"))
      if (body.get(field) instanceof String wanted && !wanted.equals(biz.info().get(field)))
        throw new IllegalArgumentException("the package is " + biz.id());
    if ("uninstallThenInstall".equals(body.get("installStrategy")))
      for (var other : all) if (other.name.equals(biz.name)) leave(other);
    try {
      biz.start();
    } catch (Throwable error) {
      biz.stop();
      throw error;
    }
    synchronized (all) {
      // Beside one that serves a version waits to be switched to.
      var first = all.stream().noneMatch(each -> each.name.equals(biz.name) && each.state.equals("ACTIVATED"));
      biz.become(first ? "ACTIVATED" : "DEACTIVATED", "Started");
      all.add(biz);
    }
    var cost = System.currentTimeMillis() - began;
    var at = LocalTime.now().format(DateTimeFormatter.ofPattern("HH:mm:ss,SSS"));
    var message = "Install Biz: " + biz.id() + " success, cost: " + cost + " ms, started at: " + at;
    return envelope("SUCCESS", "data", map("code", "SUCCESS", "message", message, "elapsedSpace", cost, "bizInfos", List.of(biz.info())));
  }

  private static File fetched(URL url) throws IOException {
    if (url.getProtocol().equals("file")) return new File(URI.create(url.toString()));
    var copy = File.createTempFile("biz-", ".jar");
    copy.deleteOnExit();
    try (var in = url.openStream()) {
      Files.copy(in, copy.toPath(), StandardCopyOption.REPLACE_EXISTING);
    }
    return copy;
  }

  private Map<String, Object> uninstall(Map<?, ?> body) throws Exception {
    var biz = find(text(body, "bizName"), text(body, "bizVersion"));
    var id = body.get("bizName") + ":" + body.get("bizVersion");
    if (biz == null) return refused("uninstall", "NOT_FOUND_BIZ", "Uninstall biz: " + id + " not found.");
    leave(biz);
    return envelope("SUCCESS", "data", map("code", "SUCCESS", "message", "Uninstall biz: " + id + " success."));
  }

  private void leave(Biz biz) throws IOException {
    biz.become("DEACTIVATED", "Killing");
    all.remove(biz);
    biz.stop();
  }

  private Map<String, Object> activate(Map<?, ?> body) {
    synchronized (all) {
      var biz = find(text(body, "bizName"), text(body, "bizVersion"));
      var id = body.get("bizName") + ":" + body.get("bizVersion");
      if (biz == null) return refused("switch", "NOT_FOUND_BIZ", "Switch biz: " + id + " not found.");
      // The new one serves before the old one does not.
      biz.become("ACTIVATED", "Switched");
      for (var other : all) if (other != biz && other.name.equals(biz.name)) other.become("DEACTIVATED", "Switched");
      return envelope("SUCCESS", "data", map("code", "SUCCESS", "message", "Switch biz: " + id + " success."));
    }
  }

  private Map<String, Object> health(Map<?, ?> body) {
    var type = String.valueOf(body.get("type") == null ? "" : body.get("type"));
    Map<String, Object> data = map("masterBizInfo", map("bizName", "mall", "bizVersion", "1.0.0", "bizState", "ACTIVATED", "webContextPath", "/"));
    if (type.isEmpty() || type.equals("system")) {
      data.put("cpu", map("count", Runtime.getRuntime().availableProcessors(), "type", System.getProperty("os.arch")));
      data.put("jvm", virtualMachine());
    }
    if (type.isEmpty() || type.equals("biz")) {
      var name = body.get("bizName");
      var found = all.stream().filter(each -> name == null || each.name.equals(name)).map(Biz::info).toList();
      if (name != null && found.isEmpty()) return envelope("FAILED", "message", "can not find biz: " + name);
      if (name == null) data.put("bizListInfo", found);
      else data.put("bizInfo", found.get(0));
    }
    if (type.isEmpty() || type.equals("plugin")) data.put("pluginListInfo", List.of());
    return envelope("SUCCESS", "data", map("healthData", data));
  }

  private static Map<String, Object> virtualMachine() {
    var heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
    var classes = ManagementFactory.getClassLoadingMXBean();
    return map(
        "java version", System.getProperty("java.version"),
        "java home", System.getProperty("java.home"),
        "run time(s)", ManagementFactory.getRuntimeMXBean().getUptime() / 1000,
        "used heap memory(M)", heap.getUsed() >> 20,
        "max heap memory(M)", heap.getMax() >> 20,
        "loaded class count", classes.getLoadedClassCount(),
        "unload class count", classes.getUnloadedClassCount());
  }

  private Biz find(String name, String version) {
    return all.stream().filter(each -> each.name.equals(name) && each.version.equals(version)).findFirst().orElse(null);
  }

  private static Map<String, Object> envelope(String code, Object... rest) {
    var envelope = map("code", code);
    envelope.putAll(map(rest));
    return envelope;
  }

  private static Map<String, Object> refused(String verb, String code, String message) {
    return envelope("FAILED", "message", verb + " biz not success!", "data", map("code", code, "message", message, "elapsedSpace", 0));
  }

  private static String text(Map<?, ?> body, String... names) {
    for (var name : names) if (body.get(name) instanceof String text && !text.isBlank()) return text;
    throw new IllegalArgumentException(names[0] + " should not be blank");
  }

  private static Map<String, Object> map(Object... pairs) {
    var map = new LinkedHashMap<String, Object>();
    for (int i = 0; i < pairs.length; i += 2) map.put((String) pairs[i], pairs[i + 1]);
    return map;
  }

  private static String reason(Throwable error) {
    return error.getMessage() == null ? error.toString() : error.getMessage();
  }

  private static String stack(Throwable error) {
    var out = new StringWriter();
    error.printStackTrace(new PrintWriter(out));
    return out.toString();
  }

  /** One version of a biz. */
  private static final class Biz {
    final String name;
    final String version;
    final String mainClass;
    final File file;
    final List<Map<String, Object>> history = new CopyOnWriteArrayList<>();
    volatile String state;
    volatile HttpHandler handler;
    private URLClassLoader loader;

    Biz(File file) throws IOException {
      this.file = file;
      try (var jar = new JarFile(file)) {
        var manifest = jar.getManifest() == null ? null : jar.getManifest().getMainAttributes();
        name = manifest == null ? null : manifest.getValue("Ark-Biz-Name");
        version = manifest == null ? null : manifest.getValue("Ark-Biz-Version");
        mainClass = manifest == null ? null : manifest.getValue("Main-Class");
      }
      if (name == null || version == null || mainClass == null)
        throw new IllegalArgumentException("its manifest lacks Ark-Biz-Name, Ark-Biz-Version or Main-Class");
      become("RESOLVED", "Created");
    }

    void start() throws Exception {
      loader = new URLClassLoader(name + ":" + version, new URL[] {file.toURI().toURL()}, ArkletBase.class.getClassLoader());
      handler = (HttpHandler) loader.loadClass(mainClass).getDeclaredConstructor().newInstance();
    }

    void stop() throws IOException {
      try {
        if (handler instanceof AutoCloseable closeable) closeable.close();
      } catch (Exception error) {
        System.err.println(id() + " did not close: " + reason(error));
      }
      if (loader != null) loader.close();
    }

    void become(String wanted, String why) {
      state = wanted;
      history.add(map("changeTime", System.currentTimeMillis(), "state", wanted, "reason", why, "message", ""));
    }

    String id() {
      return name + ":" + version;
    }

    Map<String, Object> info() {
      return map(
          "bizName", name, "bizVersion", version, "bizState", state, "mainClass", mainClass, "webContextPath", "/" + name,
          "identity", id(), "priority", 100, "declaredMode", false, "attributes", map(), "bizStateRecords", history);
    }
  }

  /** As much JSON as the API needs. */
  private static final class Json {
    private final String text;
    private int at;

    private Json(String text) {
      this.text = text;
    }

    /** An object; an empty text is one without fields. */
    static Map<?, ?> object(String text) {
      if (text.isBlank()) return Map.of();
      var json = new Json(text);
      if (json.value(0) instanceof Map<?, ?> map && json.peek() == '\0') return map;
      throw new IllegalArgumentException("the body is no JSON object");
    }

    static String write(Object value) {
      if (value instanceof Map<?, ?> map) {
        var joined = new StringJoiner(",", "{", "}");
        // What is absent is left out, not null.
        map.forEach((key, each) -> {
          if (each != null) joined.add(quoted(String.valueOf(key)) + ":" + write(each));
        });
        return joined.toString();
      }
      if (value instanceof Collection<?> list) {
        var joined = new StringJoiner(",", "[", "]");
        for (var each : list) joined.add(write(each));
        return joined.toString();
      }
      return value instanceof Number || value instanceof Boolean ? value.toString() : quoted(String.valueOf(value));
    }

    private static String quoted(String text) {
      var out = new StringBuilder("\"");
      for (char each : text.toCharArray()) {
        if (each == '"' || each == '\\') out.append('\\').append(each);
        else if (each < ' ') out.append(String.format("\\u%04x", (int) each));
        else out.append(each);
      }
      return out.append('"').toString();
    }

    private Object value(int depth) {
      if (depth > 50) throw wrong();
      switch (peek()) {
        case '{':
          return map(depth);
        case '[':
          return list(depth);
        case '"':
          return string();
        default:
          return word();
      }
    }

    private Map<String, Object> map(int depth) {
      var map = new LinkedHashMap<String, Object>();
      at += 1;
      while (peek() != '}') {
        if (!map.isEmpty()) expect(',');
        if (peek() != '"') throw wrong();
        var key = string();
        expect(':');
        map.put(key, value(depth + 1));
      }
      at += 1;
      return map;
    }

    private List<Object> list(int depth) {
      var list = new ArrayList<>();
      at += 1;
      while (peek() != ']') {
        if (!list.isEmpty()) expect(',');
        list.add(value(depth + 1));
      }
      at += 1;
      return list;
    }

    private String string() {
      var out = new StringBuilder();
      for (at += 1; here() != '"'; at += 1) out.append(here() == '\\' ? escaped() : here());
      at += 1;
      return out.toString();
    }

    private char escaped() {
      at += 1;
      if (here() == 'u') {
        if (at + 4 >= text.length()) throw wrong();
        at += 4;
        return (char) Integer.parseInt(text.substring(at - 3, at + 1), 16);
      }
      int known = "nrtbf".indexOf(here());
      return known < 0 ? here() : "\n\r\t\b\f".charAt(known);
    }

    private Object word() {
      int from = at;
      while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) at += 1;
      var word = text.substring(from, at);
      if (word.equals("null")) return null;
      return word.equals("true") || word.equals("false") ? (Object) word.equals("true") : (Object) Double.valueOf(word);
    }

    private char peek() {
      while (at < text.length() && Character.isWhitespace(text.charAt(at))) at += 1;
      return at < text.length() ? text.charAt(at) : '\0';
    }

    private char here() {
      if (at >= text.length()) throw wrong();
      return text.charAt(at);
    }

    private void expect(char wanted) {
      if (peek() != wanted) throw wrong();
      at += 1;
    }

    private IllegalArgumentException wrong() {
      return new IllegalArgumentException("no JSON at " + at);
    }
  }
}
