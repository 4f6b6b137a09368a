/**
 * `%(a + 5 * 2)`: a pipeline from left to right, without precedence, over 64-bit integers; two operands
 * without an operator between them are concatenated. Pure; names are looked up through `valueOf`.
 */

type Operator = "+" | "-" | "*" | "/";

/**
 * uWSGI: words are separated by spaces; a word of digits is a number, `++` and `--` count the result so far
 * up or down, a name without a value counts as empty, a division by zero gives 0. Null where there is no word
 * at all.
 */
export function calculate(expression: string, valueOf: (name: string) => string | null): string | null {
  let result: string | null = null;
  let operator: Operator | null = null;
  for (const word of expression.split(" ")) {
    if (word === "") continue;
    if (isOperator(word)) {
      operator = word;
    } else if (word === "++" || word === "--") {
      if (result !== null) result = wrap(leadingInteger(result) + (word === "++" ? 1n : -1n));
      operator = null;
    } else {
      const operand: string = /^[0-9]+$/.test(word) ? word : valueOf(word) ?? "";
      result = operator === null ? (result ?? "") + operand : apply(operator, result ?? "", operand);
      operator = null;
    }
  }
  return result;
}

function isOperator(word: string): word is Operator {
  return word === "+" || word === "-" || word === "*" || word === "/";
}

function apply(operator: Operator, left: string, right: string): string {
  const a = leadingInteger(left);
  const b = leadingInteger(right);
  switch (operator) {
    case "+":
      return wrap(a + b);
    case "-":
      return wrap(a - b);
    case "*":
      return wrap(a * b);
    case "/":
      return b === 0n ? "0" : wrap(a / b);
  }
}

/**
 * strtoll(3) in base 10: blanks, a sign, digits; what follows is ignored, no digits are 0, and it stays in
 * range.
 */
function leadingInteger(text: string): bigint {
  const digits = /^[ \t\n\v\f\r]*([+-]?[0-9]+)/.exec(text)?.[1];
  if (digits === undefined) return 0n;
  if (digits.length > 40) return digits.startsWith("-") ? SMALLEST : LARGEST;
  const value = BigInt(digits.replace("+", ""));
  return value > LARGEST ? LARGEST : value < SMALLEST ? SMALLEST : value;
}

const LARGEST = 2n ** 63n - 1n;
const SMALLEST = -(2n ** 63n);

function wrap(value: bigint): string {
  return String(BigInt.asIntN(64, value));
}
