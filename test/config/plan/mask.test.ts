import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isSecretName, maskLine, maskOption, maskValue, maskWords } from "../../../lib/config/plan/mask.ts";
import { showConfiguration } from "../../../lib/config/language/show.ts";
import { build } from "../build/fake_system.ts";

describe("secrets", () => {
  test.each([
    "PASSWORD",
    "DB_PASSWORD",
    "PGPASSWORD",
    "requirepass",
    "api-key",
    "apiKey",
    "SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "token",
    "GITHUB_TOKEN",
    "passphrase",
    "credentials",
    "--masterauth",
    "REDIS_AUTH",
    "DB_PASS",
    "MYSQL_PWD",
    "private-key",
    "client_secret",
  ])("%s names one", (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  test.each([
    "PATH",
    "monkey",
    "keyspace",
    "PASSWORD_FILE",
    "tls-key-file",
    "compass",
    "RAILS_ENV",
    "token-length",
    "user",
    "--auth",
    "--auth-host",
    "auth-method",
    "AUTHOR",
    "--tokenizer",
    "--passthrough",
    "bypass",
    "secretary",
    "pinned",
    "--no-password",
    "PUBLIC_KEY",
    "max-keys",
    "PWD",
    "OLDPWD",
  ])(
    "%s names none",
    (name) => {
      expect(isSecretName(name)).toBe(false);
    },
  );

  test.each([
    ["redis-server --requirepass hunter2 --port 1", "redis-server --requirepass [hidden] --port 1"],
    ["x --password=hunter2 y", "x --password=[hidden] y"],
    ["DB_PASSWORD=hunter2 exec x", "DB_PASSWORD=[hidden] exec x"],
    ["x --password 'a b' y", "x --password [hidden] y"],
    [
      "initdb --auth=peer --auth-host=scram-sha-256 -D /db",
      "initdb --auth=peer --auth-host=scram-sha-256 -D /db",
    ],
    ["psql --no-password shop", "psql --no-password shop"],
    ["x --token --verbose", "x --token --verbose"],
    ["x amqp://me:hunter2@host/v y", "x amqp://me:[hidden]@host/v y"],
    ["x redis://:hunter2@host y", "x redis://:[hidden]@host y"],
    ["x http://host:80/a@b", "x http://host:80/a@b"],
    ["curl -u me:hunter2 http://h", "curl -u me:[hidden] http://h"],
    ["memcached -u nobody", "memcached -u nobody"],
    ["docker -u 33:33", "docker -u 33:33"],
    ['curl -H "Authorization: Bearer abc"', 'curl -H "Authorization: [hidden]'],
    ["sh -c 'PGPASSWORD=x psql'", "sh -c 'PGPASSWORD=[hidden]"],
  ])("%s", (line, shown) => {
    expect(maskLine(line)).toBe(shown);
  });

  test.each([
    ["sh -c 'exec d --password=hunter2'", "sh -c 'exec d --password=[hidden]'"],
    [`sh -c "d; PGPASSWORD=hunter2 e --token hunter2"`, `sh -c "d; PGPASSWORD=[hidden] e --token [hidden]"`],
    [`sh -c 'sh -c "d --secret hunter2"'`, `sh -c 'sh -c "d --secret [hidden]"'`],
    ["sh -c 'echo hello  world'", "sh -c 'echo hello  world'"],
  ])("in a line within the line: %s", (line, shown) => {
    expect(maskLine(line)).toBe(shown);
  });

  test("in a line that is one of several words", () => {
    expect(maskWords(["sh", "-c", "exec d --password=hunter2"])).toEqual([
      "sh",
      "-c",
      "exec d --password=[hidden]",
    ]);
  });

  test("of words and of variables", () => {
    expect(maskWords(["x", "--password", "a b", "-v"])).toEqual(["x", "--password", "[hidden]", "-v"]);
    expect(maskValue("URL", "postgres://a:b@c")).toBe("postgres://a:[hidden]@c");
    expect(maskValue("MY_TOKEN", "abc")).toBe("[hidden]");
  });

  test("never show through, wherever they stand", () => {
    const filler = fc.array(fc.constantFrom("a", "-v", "x=1", "'q r'", "http://h/p"));
    fc.assert(fc.property(filler, filler, (before, after) => {
      const secret = "hunter2hunter2";
      for (
        const form of [
          `--password ${secret}`,
          `--api-key=${secret}`,
          `TOKEN=${secret}`,
          `ftp://u:${secret}@h`,
        ]
      ) {
        expect(maskLine([...before, form, ...after].join(" "))).not.toContain(secret);
      }
    }));
  });

  test("no line makes the masker throw", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (line) => void maskLine(line)));
  });
});

test("the hooks of a Plan show no secret of theirs", () => {
  const { plan } = build(
    "hook-as-root = putenv:API_TOKEN=abc\nexec-asap = backup --password abc\nhook-asap = exec:pg_dump postgres://u:abc@h/d\n" +
      "hook-asap = !exec:echo abc\n",
  );
  expect(plan.instance.hooks.map(({ shown }) => shown)).toEqual([
    "exec:pg_dump postgres://u:[hidden]@h/d",
    "[hidden]",
    "backup --password [hidden]",
    "putenv:API_TOKEN=[hidden]",
  ]);
});

describe("the secrets of legions", () => {
  test.each([
    ["legion", "a :1 1 bf-cbc:topsecret iv", "a :1 1 bf-cbc:[hidden]"],
    ["legion-mcast", "a 225.1.1.1:1 0 aes-256-cbc:top:secret", "a 225.1.1.1:1 0 aes-256-cbc:[hidden]"],
    ["legion", "a :1 topsecret", "[hidden]"],
    ["legion", "topsecret", "[hidden]"],
    ["legion", "", ""],
    ["legion-auth", "a top secret", "a [hidden]"],
    ["legion-auth", "topsecret", "[hidden]"],
    ["legion-etcd", "a http://u:topsecret@h:1 1", "a http://u:[hidden]@h:1 1"],
    ["legion-etcd", "a http://h:1 1 password=topsecret", "a http://h:1 1 password=[hidden]"],
    ["legion-etcd", "a https://h:1 1 user=u:/etc/pw cert=/c", "a https://h:1 1 user=u:/etc/pw cert=/c"],
    ["legion-node", "a 10.0.0.1:1", "a 10.0.0.1:1"],
    ["key", "value", "value"],
  ])("%s = %s is shown as %s", (name, value, shown) => {
    expect(maskOption(name, value)).toBe(shown);
  });

  test("show-config hides them in the placeholders that they come from as well", () => {
    const origin = { file: "a.ini", line: 1 };
    const shown = showConfiguration(
      [
        ["my", "topsecret"],
        ["set-ph", "other=topsecret"],
        ["port", "1"],
        ["legion", "a :1 1 bf-cbc:topsecret 1234"],
        ["legion", "b :2 1 bf-cbc:pw"],
        ["short", "pw"],
        ["attach-daemon", "x --secret topsecret --pwd pwd"],
        ["set", "legion=a :1 1 bf-cbc:another secret"],
        ["declare-option", "o=legion=a $1 1 bf-cbc:third;legion-auth=a fourth;p=q"],
      ].map(([name = "", value = ""]) => ({ name, value, origin })),
    );
    expect(shown.split("\n").slice(3, -3)).toEqual([
      "my = [hidden]",
      "set-ph = other=[hidden]",
      "port = 1",
      "legion = a :1 1 bf-cbc:[hidden]",
      "legion = b :2 1 bf-cbc:[hidden]",
      "short = [hidden]",
      "attach-daemon = x --secret [hidden] --pwd pwd",
      "set = legion=a :1 1 bf-cbc:[hidden]",
      "declare-option = o=legion=a $1 1 bf-cbc:[hidden];legion-auth=a [hidden];p=q",
    ]);
  });
});
