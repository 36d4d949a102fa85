// The types of json-check.js, for its tests.

export declare function parseJson(
  source: string,
):
  | { value: unknown; error?: undefined }
  | { error: { message: string; offset: number; line: number; column: number } }
