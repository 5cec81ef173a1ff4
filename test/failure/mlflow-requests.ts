/** MLflow's API without its client: an answer that is not 200 throws, with the status in its message. */
export async function mlflowPost(url: string, call: string, body: object): Promise<unknown> {
  return answerOf(
    await fetch(`${url}/api/2.0/mlflow/${call}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  );
}

export async function mlflowGet(url: string, call: string): Promise<unknown> {
  return answerOf(await fetch(`${url}/api/2.0/mlflow/${call}`));
}

async function answerOf(response: Response): Promise<unknown> {
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}
